/**
 * Puts a time check into every loop and function of a syntax tree: the first thing that each turn or call
 * does. It changes the tree in place; each check says where its loop or function stands in the code.
 */
import type { AnyNode } from 'acorn';
import { walk } from 'estree-walker';

/** What the checks call. No pattern would name anything so. */
export const CHECK_NAME = '$backbeatCheck$';

const LOOPS = ['ForStatement', 'ForInStatement', 'ForOfStatement', 'WhileStatement', 'DoWhileStatement'];
const FUNCTIONS = ['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression'];

/** A node that may have been made by the transpiler, and then has no place in the code. */
type Node = { type: string; start?: number; body?: unknown; [key: string]: unknown };

export function addChecks(program: AnyNode): void {
  walk(program as never, {
    leave(node) {
      const found = node as unknown as Node;
      if (LOOPS.includes(found.type) || FUNCTIONS.includes(found.type)) addCheck(found);
    },
  });
}

function addCheck(node: Node): void {
  const check = callOfCheck(node.start);
  const body = node.body as Node;
  if (body.type === 'BlockStatement') {
    (body.body as Node[]).splice(directives(body), 0, statement(check));
  } else if (node.type === 'ArrowFunctionExpression') {
    node.body = { type: 'SequenceExpression', expressions: [check, body] };
  } else {
    node.body = { type: 'BlockStatement', body: [statement(check), body] };
  }
}

/** How many directives ('use strict') a body begins with: they must stay first. */
function directives(body: Node): number {
  const statements = body.body as Node[];
  const first = statements.findIndex((each) => each.directive === undefined);
  return first === -1 ? statements.length : first;
}

function callOfCheck(offset: number | undefined): Node {
  return {
    type: 'CallExpression',
    callee: { type: 'Identifier', name: CHECK_NAME },
    arguments: [{ type: 'Literal', value: offset ?? null }],
    optional: false,
  };
}

const statement = (expression: Node): Node => ({ type: 'ExpressionStatement', expression });
