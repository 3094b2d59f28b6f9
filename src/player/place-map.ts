/**
 * From places in the transpiler's output back to places in the code, for errors that happen while a pattern
 * runs. The tree that was printed knows where its nodes stood in the code; the printed text, parsed again,
 * gives the same tree with the places in the output.
 */
import { type AnyNode, parse } from 'acorn';

type Node = { type: string; start?: number; end?: number; [key: string]: unknown };

const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && typeof (value as Node).type === 'string';

/** Where a node stands in the code; of one that the transpiler made, its first part that was there. */
function startOf(node: Node): number | undefined {
  if (node.start !== undefined) return node.start;
  const starts = Object.values(node)
    .flat()
    .flatMap((child) => (isNode(child) ? (startOf(child) ?? []) : []));
  return starts.length === 0 ? undefined : Math.min(...starts);
}

export class PlaceMap {
  /** Places in the output, ascending, each with its place in the code. */
  readonly #places: { output: number; code: number }[] = [];
  readonly #output: string;

  constructor(tree: AnyNode | undefined, output: string) {
    this.#output = output;
    if (!tree) return;
    const options = {
      ecmaVersion: 2022,
      allowAwaitOutsideFunction: true,
      allowReturnOutsideFunction: true,
    } as const;
    this.#pair(tree as unknown as Node, parse(output, options) as unknown as Node);
    this.#places.sort((a, b) => a.output - b.output);
  }

  /**
   * @param line of the output, from 1
   * @param column of it, from 1
   * @returns the offset in the code; null for what has none before it
   */
  offsetOf(line: number, column: number): number | null {
    const lines = this.#output.split('\n').slice(0, line - 1);
    const at = lines.reduce((sum, each) => sum + each.length + 1, 0) + column - 1;
    return this.#places.findLast(({ output }) => output <= at)?.code ?? null;
  }

  /** Two trees of the same form. Where they differ after all, places below aren't known. */
  #pair(before: Node, after: Node): void {
    if (before.type !== after.type) return;
    const code = startOf(before);
    if (code !== undefined && after.start !== undefined) this.#places.push({ output: after.start, code });
    for (const [key, child] of Object.entries(before)) {
      const other = after[key];
      if (isNode(child) && isNode(other)) this.#pair(child, other);
      if (!Array.isArray(child) || !Array.isArray(other)) continue;
      for (const [index, each] of child.entries()) {
        const twin: unknown = other[index];
        if (isNode(each) && isNode(twin)) this.#pair(each, twin);
      }
    }
  }
}
