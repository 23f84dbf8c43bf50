// Feedback in words.

import { t } from "../texts.js"

/** What went well, in words; "" if there is nothing yet. */
export const praiseText = (praise, digit) => (praise === null ? "" : t(`learn.praise.${praise}`, { digit: `${digit}` }))

/** A remark of js/learn/feedback.js in words. digit: the one that was asked for. */
export function remarkText(remark, digit) {
  const values = {
    digit: `${digit}`,
    one: `${remark.one}`,
    other: `${remark.other}`,
    place: remark.place ? t(`learn.place.${remark.place}`) : "",
  }
  const { code, part } = remark
  if (code === "mirrored") return `${t("learn.remark.mirrored", values)} ${t(`learn.faces.${digit}`)}`
  if (code === "upside_down") return `${t("learn.remark.upside_down", values)} ${t(`learn.stands.${digit}`)}`
  if (part && part !== "body") return t(`learn.remark.${code}.${part}`, values)
  return t(`learn.remark.${code}`, values)
}
