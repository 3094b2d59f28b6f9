/** A pattern to learn from: it plays without any network, and its comments say what is new in it. */
export interface Example {
  /** In addresses and in storage: it stays, also when the title changes. */
  id: string;
  title: string;
  /** One sentence: what it is, and what it shows. */
  says: string;
  /** From a first beat, 1, to a whole tune, 4. */
  level: 1 | 2 | 3 | 4;
  code: string;
}
