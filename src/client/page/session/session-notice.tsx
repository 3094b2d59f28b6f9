/**
 * What is said in place of a session that one can't be in any more, or not yet: why, and what one can do
 * about it.
 */
import { useState } from 'preact/hooks';
import type { ConnectionState } from '../../sdk/connection.ts';
import { sentence } from '../../sdk/sentence.ts';
import { CopyButton } from '../ui/clipboard.tsx';
import { ActionButton, Problem } from '../ui/form.tsx';
import { lazyDialog } from '../ui/lazy.tsx';
import { useValue } from '../ui/store.ts';
import { useAction } from '../ui/use-action.ts';
import type { Jam } from './jam.ts';
import { KnockOffer } from './knock-offer.tsx';
import { useJam, useSession } from './use-jam.ts';

const SignInDialog = lazyDialog(async () => (await import('../account/later.ts')).SignInDialog);

interface Content {
  heading: string;
  text: string;
  /** What is offered besides the way back. */
  offers: readonly ('knock' | 'retry' | 'use-here' | 'sign-in' | 'code')[];
}

/** @param again shows the session anew, for another user. */
export function SessionNotice({ again }: { again(): void }) {
  const jam = useJam();
  const connection = useSession((snapshot) => snapshot.connection);
  const stored = useValue(jam.stored);
  // The whole text is put together only when there is something to say.
  const code = useSession((snapshot) => (contentOf(snapshot.connection, null) ? snapshot.code : ''));
  const action = useAction();
  const [isSigningIn, setSigningIn] = useState(false);
  const lostKey = useValue(jam.key.lost);
  const content = contentOf(connection, lostKey);
  if (!content) return null;
  const has = (offer: Content['offers'][number]) => content.offers.includes(offer);
  const hasCode = has('code') && (stored ?? code).trim() !== '';
  return (
    <section class="notice" role="alert" data-testid="notice">
      <h2>{content.heading}</h2>
      <p>{content.text}</p>
      {has('knock') && <KnockOffer onAdmitted={again} />}
      <div class="notice-actions">
        {(has('retry') || has('use-here')) && (
          <button type="button" data-testid="notice-retry" onClick={() => jam.client.reconnect()}>
            {has('retry') ? 'Try again' : 'Use it here'}
          </button>
        )}
        {has('sign-in') && (
          <button type="button" data-testid="notice-sign-in" onClick={() => setSigningIn(true)}>
            Sign in
          </button>
        )}
        {hasCode && (
          <>
            <CopyButton
              text={() => jam.editor.code}
              otherwise="Select it in the editor to copy it"
              testId="notice-copy"
            >
              Copy the code
            </CopyButton>
            <ActionButton action={action} testId="notice-restart" run={() => jam.startAgain()}>
              Start a new session with it
            </ActionButton>
          </>
        )}
        <a href="#/" class="button">
          To the start
        </a>
      </div>
      <Problem>{action.problem}</Problem>
      {isSigningIn && <SignInDialog onClose={() => setSigningIn(false)} onSignedIn={again} />}
    </section>
  );
}

type LostKey = Jam['key']['lost']['snapshot'];

function contentOf(connection: ConnectionState, lostKey: LostKey): Content | null {
  if (connection.state === 'closed') return closed(connection);
  return connection.state === 'refused' ? refused(connection.refusal, lostKey) : null;
}

function closed({ cause, reason }: ConnectionState & { state: 'closed' }): Content | null {
  switch (cause) {
    case 'left':
      return null;
    case 'ended':
      return {
        heading: 'This session has ended',
        text: endedText(reason),
        offers: ['code'],
      };
    case 'removed':
      return {
        heading: 'You are no longer in this session',
        text: `${sentence(reason)} The code stays here for you to take along.`,
        offers: ['code'],
      };
    case 'gone':
      return { heading: 'This session is gone', text: sentence(reason), offers: ['code'] };
    case 'elsewhere':
      return {
        heading: 'This session is open in another tab',
        text: 'Two tabs can’t share one place in it.',
        offers: ['use-here'],
      };
  }
}

/** The heading says already that it has ended: a reason that says no more is left out. */
function endedText(reason: string): string {
  const why = /^the session has ended\.?$/i.test(reason) ? '' : `${sentence(reason)} `;
  return `${why}The code stays here for you to take along.`;
}

function refused({ status, message }: { status: number; message: string }, lostKey: LostKey): Content | null {
  const text = sentence(message);
  switch (status) {
    case 401:
      if (lostKey === 'renewing') return null;
      if (lostKey === 'account') {
        return {
          heading: 'Your sign-in has expired',
          text: 'Sign in again to go on in this session.',
          offers: ['sign-in', 'code'],
        };
      }
      return lostKey === 'session'
        ? {
            heading: 'This browser’s key to the session isn’t good any more',
            text: 'It has expired, or the server was given another secret. Come back by your invite link, or ask to be let in. The code stays here for you to take along.',
            offers: ['knock', 'sign-in', 'code'],
          }
        : { heading: 'You need an invite', text, offers: ['knock', 'retry', 'sign-in', 'code'] };
    case 403:
      return { heading: 'You can’t enter this session', text, offers: ['knock', 'retry', 'code'] };
    case 404:
      return { heading: 'There is no such session', text, offers: [] };
    case 410:
      return { heading: 'This session has ended', text: endedText(message), offers: ['code'] };
    default:
      return { heading: 'The room doesn’t let you in', text, offers: ['retry'] };
  }
}
