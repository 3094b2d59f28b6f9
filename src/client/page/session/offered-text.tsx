/** Text of one's own that can't be sent: said, and there to be copied. */
import type { OfferedText } from '../../sdk/unacknowledged.ts';
import { CopyButton } from '../ui/clipboard.tsx';
import { useValue } from '../ui/store.ts';
import { dayOf } from '../ui/times.ts';
import { useJam, useSession } from './use-jam.ts';

const WHY: Record<OfferedText['reason'], string> = {
  viewer: 'You may not edit here any more, and what you had typed was not sent yet.',
  uncertain: 'What you typed last may be in the session or not: compare it before you put it in again.',
  refused: 'The session could not take what you typed last.',
};

export function OfferedTextNotice() {
  const jam = useJam();
  const offered = useSession((snapshot) => snapshot.offered);
  const unsent = useValue(jam.leaving.unsent);
  return (
    <>
      {offered && (
        <Offer
          why={WHY[offered.reason]}
          text={offered.code}
          testId="offered"
          onDismiss={() => jam.client.dismissOffer()}
        />
      )}
      {unsent && (
        <Offer
          why={`When you last left this session (${dayOf(unsent.atMs)}), this had not been sent yet. Compare it before you put it in again.`}
          text={[unsent.code, ...unsent.chat].filter((part) => part !== null).join('\n\n')}
          testId="unsent"
          onDismiss={() => jam.leaving.dismissUnsent()}
        />
      )}
    </>
  );
}

interface OfferProps {
  why: string;
  text: string;
  testId: string;
  onDismiss(): void;
}

function Offer({ why, text, testId, onDismiss }: OfferProps) {
  return (
    <section class="notice offered" role="alert" data-testid={testId}>
      <p>{why}</p>
      <div class="notice-actions">
        <CopyButton
          key={text}
          text={() => text}
          otherwise="Select it below to copy it"
          testId={`${testId}-copy`}
        >
          Copy my text
        </CopyButton>
        <button type="button" data-testid={`${testId}-dismiss`} onClick={onDismiss}>
          I don’t need it
        </button>
      </div>
      <details>
        <summary>Show it</summary>
        <section tabIndex={0} aria-label="Your text">
          <pre>{text}</pre>
        </section>
      </details>
    </section>
  );
}
