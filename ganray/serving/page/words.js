// The text as it is being spoken: the word that is heard is marked, and a click on a word goes there.

export class Reading {
  /** `seek` is called with the second at which a clicked word begins. */
  constructor(root) {
    this.root = root;
    this.seek = () => {};
    this.begin("");
    root.addEventListener("click", (event) => {
      const index = this.marks.indexOf(event.target);
      if (index >= 0) this.seek(this.words[index].start_s);
    });
  }

  begin(text) {
    this.text = text;
    this.words = [];
    this.marks = [];
    this.root.textContent = text;
    this.root.hidden = true; // the same as above it, until there are words to mark
  }

  /** Words in order: `start` and `end` in characters of the text (Unicode, not UTF-16), `start_s` and `end_s` in seconds. */
  add(words) {
    this.words.push(...words);
    const letters = [...this.text];
    const between = (start, end) => letters.slice(start, end).join("");
    let done = 0;
    this.root.textContent = "";
    this.marks = this.words.map((word) => {
      const mark = document.createElement("span");
      mark.textContent = between(word.start, word.end);
      this.root.append(between(done, word.start), mark);
      done = word.end;
      return mark;
    });
    this.root.append(between(done));
    this.root.hidden = false;
  }

  /** Mark what is heard at a second. */
  at(place) {
    this.words.forEach((word, i) => this.marks[i].classList.toggle("now", word.start_s <= place && place < word.end_s));
  }
}
