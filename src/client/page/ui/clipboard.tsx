/** Copying text. */
import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';

/** Copies text; false where the browser doesn't let a page write to the clipboard. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

interface CopyButtonProps {
  text(): string;
  /** What it says where the page can't copy. */
  otherwise: string;
  testId: string;
  children: ComponentChildren;
}

/** A button that says whether it copied. */
export function CopyButton({ text, otherwise, testId, children }: CopyButtonProps) {
  const [isCopied, setCopied] = useState<boolean | null>(null);
  return (
    <button type="button" data-testid={testId} onClick={async () => setCopied(await copyText(text()))}>
      {isCopied === null ? children : isCopied ? 'Copied' : otherwise}
    </button>
  );
}
