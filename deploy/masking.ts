/** Keeps secrets out of everything that is shown. */

export const MASK = '****';
/** Shorter values would black out ordinary words; no secret that Backbeat takes is this short. */
const MIN_CHARS = 6;

export class Masker {
  #values: string[] = [];

  /** Masks this value from now on, and the forms it takes in URLs and JSON; of a URL, its password too. */
  add(secret: string): void {
    const forms = new Set([secret, ...secret.split(/\r?\n/), encodeURIComponent(secret), quoted(secret)]);
    if (URL.canParse(secret)) {
      const { password } = new URL(secret);
      for (const form of [password, safelyDecoded(password)]) forms.add(form);
    }
    this.#values = [...new Set([...this.#values, ...forms])]
      .filter((value) => value.length >= MIN_CHARS)
      // A value that holds another goes first, or its rest would be left to see.
      .sort((a, b) => b.length - a.length);
  }

  mask(text: string): string {
    return this.#values.reduce((masked, value) => masked.replaceAll(value, MASK), text);
  }

  /** Whether a text holds a secret. */
  isIn(text: string): boolean {
    return this.#values.some((value) => text.includes(value));
  }
}

const quoted = (text: string) => JSON.stringify(text).slice(1, -1);

function safelyDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
