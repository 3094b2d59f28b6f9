/** Words below a line, on what is wrong with it. */
import { WidgetType } from '@codemirror/view';

export class LineWords extends WidgetType {
  readonly #message: string;
  readonly #className: string;
  readonly #role: 'alert' | 'status';

  /** @param role how urgently a screen reader says them */
  constructor(message: string, className: string, role: 'alert' | 'status') {
    super();
    this.#message = message;
    this.#className = className;
    this.#role = role;
  }

  override eq(other: LineWords): boolean {
    return other.#message === this.#message && other.#className === this.#className;
  }

  override toDOM(): HTMLElement {
    const element = document.createElement('div');
    element.className = this.#className;
    element.setAttribute('role', this.#role);
    element.textContent = this.#message;
    return element;
  }
}
