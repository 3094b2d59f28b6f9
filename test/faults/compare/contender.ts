/** What the experiment needs of a system whose server it kills. */
import type { TypedLine } from './typist.ts';

export interface Contender {
  name: string;
  /** What its clients take for saved. */
  savedMeans: string;
  /** Makes fresh documents, each with one person in it, who is connected. @returns their names. */
  enter(count: number, seed: number): Promise<string[]>;
  /** Everybody types, until the kill. */
  type(): Promise<void>;
  /** `kill -9` of the process that people are connected to; it stays down. */
  kill(): Promise<void>;
  /**
   * Everybody stops typing, and those in `gone` are gone for good: nothing that their client
   * still has comes back.
   * @returns what each had typed, by document.
   */
  stop(gone: readonly string[]): Promise<Map<string, TypedLine[]>>;
  /**
   * Starts what was killed. Resolves when those who stayed are connected again and see
   * all they have as saved.
   */
  recover(): Promise<void>;
  /** The text that Postgres holds of each of the documents that it knows. */
  stored(): Promise<Map<string, string>>;
  /** Everybody leaves. */
  leave(): Promise<void>;
  /** Ends its processes. */
  close(): Promise<void>;
}
