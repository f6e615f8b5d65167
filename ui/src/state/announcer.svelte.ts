/** What a screen reader is told, politely; one text at a time. */
export class Announcer {
  text = $state('');
  #said = '';

  say(text: string): void {
    // The same words twice are news only if the text differs.
    this.#said = text === this.#said ? `${text}\u00a0` : text;
    this.text = this.#said;
  }

  /** What was said is not left in the page. */
  clear(): void {
    this.text = '';
    this.#said = '';
  }
}
