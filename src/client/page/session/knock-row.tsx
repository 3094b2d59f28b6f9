/** One caller who asks to be let in, and the host's answers. */
import type { WireKnock } from '../../../protocol/index.ts';
import { messageOf } from '../../sdk/call.ts';
import { sentence } from '../../sdk/sentence.ts';
import type { KnockAnswer } from '../../sdk/session-client.ts';
import { toast } from '../ui/toasts.tsx';
import { useAction } from '../ui/use-action.ts';
import { useJam } from './use-jam.ts';

export function KnockRow({ knock }: { knock: WireKnock }) {
  const { client } = useJam();
  const action = useAction();
  const { knock_id: id, display_name: name, was_removed: wasRemoved } = knock;
  const answer = (given: KnockAnswer) =>
    action.act(async () => {
      try {
        await client.answerKnock(id, given);
      } catch (error) {
        toast(sentence(messageOf(error)), 'error');
      }
    });
  const letIn = (role: 'co-author' | 'viewer') => answer({ role, ...(wasRemoved && { readmit: true }) });
  return (
    <section class="knock" aria-label={`${name} asks to be let in`} data-testid="knock">
      <p>
        <strong>{name}</strong> asks to be let in.
        {wasRemoved && ' They were removed from this session before.'}
      </p>
      <div class="knock-answers">
        <button
          type="button"
          class="primary"
          disabled={action.isBusy}
          data-testid="knock-co-author"
          onClick={() => void letIn('co-author')}
        >
          Let in
        </button>
        <button
          type="button"
          disabled={action.isBusy}
          data-testid="knock-viewer"
          onClick={() => void letIn('viewer')}
        >
          As a viewer
        </button>
        <button
          type="button"
          disabled={action.isBusy}
          data-testid="knock-refuse"
          onClick={() => void answer({ refused: true })}
        >
          No
        </button>
      </div>
    </section>
  );
}
