// What the model in the page reads in a drawing, and in the same drawing seen in a mirror. Nothing leaves the device.

import { greyOf } from "../decoding/pixels.js"
import { readDigit } from "../decoding/image.js"
import { digitPicture } from "../ink/drawing.js"
import { prepare, readInPage } from "../model/reader.js"

/** Load the model while somebody writes. What fails now is told when it is needed. */
export const prepareReading = () => prepare().catch(() => {})

/** {reading, reversed, failed}: predictions as of js/model/reader.js, null if the model did not load. */
export async function readingsOf(strokes) {
  try {
    const { image, ...seen } = readDigit(await greyOf(await digitPicture(strokes)))
    const [reading, reversed] = [
      await readInPage({ ...seen, image }),
      await readInPage({ ...seen, image: mirroredImage(image) }),
    ]
    return { reading, reversed, failed: false }
  } catch {
    return { reading: null, reversed: null, failed: true }
  }
}

/** image: 28 x 28. */
function mirroredImage(image) {
  const side = Math.sqrt(image.length)
  return image.map((_, i) => image[i - (i % side) + side - 1 - (i % side)])
}
