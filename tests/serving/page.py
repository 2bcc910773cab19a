"""What is done with the page, and what is read off it."""

import json

SAY = "#say-form button[type=submit]"
READY = "document.getElementById('speaker')?.options.length && !document.getElementById('file').disabled"
SAID = "!document.getElementById('said-download').disabled"
COLOURS = """(canvas) => {
  const points = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  return new Set(new Uint32Array(points.buffer)).size;
}"""
DROP = """((name, bytes) => {
  const data = new DataTransfer();
  data.items.add(new File([Uint8Array.from(bytes)], name));
  document.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
})"""


def put(page, identity: str, value: object) -> None:
    """A control's value, as if a person had set it."""
    page.run(
        f"(() => {{ const control = document.getElementById({identity!r}); control.value = {json.dumps(value)};"
        "for (const kind of ['input', 'change']) control.dispatchEvent(new Event(kind, {bubbles: true})); })()"
    )


def text_of(page, identity: str) -> str:
    return page.run(f"document.getElementById({identity!r}).textContent")
