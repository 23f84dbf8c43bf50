// Arrays of an NPZ file as numpy.savez_compressed writes it: a zip of NPY files. For files whose SHA-256 is pinned.
// Formats: APPNOTE.TXT of PKWARE, 4.3; numpy.lib.format, version 1.0.

const END_BYTES = 22 // of the zip's last record, without a comment

/** Each array by its name, as {shape, values: Float32Array}, row by row. content: Uint8Array, of float16 or float32. */
export async function readNpz(content) {
  const view = new DataView(content.buffer, content.byteOffset, content.byteLength)
  const end = content.length - END_BYTES
  const arrays = {}
  let at = view.getUint32(end + 16, true) // the first entry of the central directory
  for (let left = view.getUint16(end + 10, true); left > 0; left--) {
    const [method, packed] = [view.getUint16(at + 10, true), view.getUint32(at + 20, true)]
    const [name, extra, comment] = [28, 30, 32].map((offset) => view.getUint16(at + offset, true))
    const local = view.getUint32(at + 42, true)
    const start = local + 30 + view.getUint16(local + 26, true) + view.getUint16(local + 28, true)
    const bytes = content.subarray(start, start + packed)
    const file = new TextDecoder().decode(content.subarray(at + 46, at + 46 + name))
    arrays[file.replace(/\.npy$/, "")] = readNpy(method === 0 ? bytes : await inflate(bytes))
    at += 46 + name + extra + comment
  }
  return arrays
}

async function inflate(bytes) {
  const plain = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"))
  return new Uint8Array(await new Response(plain).arrayBuffer())
}

function readNpy(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const start = 10 + view.getUint16(8, true)
  const header = new TextDecoder().decode(bytes.subarray(10, start))
  const type = /'descr': '([^']+)'/.exec(header)?.[1]
  const shape = (/'shape': \(([^)]*)\)/.exec(header)?.[1] ?? "").split(",").filter((side) => side.trim()).map(Number)
  const count = shape.reduce((product, side) => product * side, 1)
  const byColumn = header.includes("'fortran_order': True") && shape.length === 2
  const [rows, columns] = shape
  const place = (index) => (byColumn ? (index % columns) * rows + Math.floor(index / columns) : index)
  const readers = {
    "<f2": (index) => half(view.getUint16(start + 2 * index, true)),
    "<f4": (index) => view.getFloat32(start + 4 * index, true),
  }
  if (!(type in readers)) throw new Error(`expected an array of float16 or float32, got ${type}; write it so`)
  return { shape, values: Float32Array.from({ length: count }, (_, index) => readers[type](place(index))) }
}

/** A float16 by its 16 bits (IEEE 754 binary16). */
function half(bits) {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 0x1f
  const fraction = bits & 0x3ff
  if (exponent === 0) return sign * fraction * 2 ** -24
  if (exponent === 31) return fraction ? NaN : sign * Infinity
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}
