// Changes what stands there, and only where it is another, so that nobody loses their place in it.

/** Write a text into an element. */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text
}

/** As many children as values: make() makes one, show(child, value) changes it. */
export function fillInPlace(parent, values, make, show) {
  while (parent.children.length > values.length) parent.lastElementChild.remove()
  while (parent.children.length < values.length) parent.append(make())
  values.forEach((value, i) => show(parent.children[i], value))
}
