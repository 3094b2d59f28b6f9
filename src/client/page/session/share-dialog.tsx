/** Brings others in: links that the host makes and passes on, and those that are out. */
import { useEffect, useRef, useState } from 'preact/hooks';
import {
  createInvite,
  type Invite,
  type InviteRole,
  listInvites,
  revokeInvite,
} from '../../../protocol/http/people.ts';
import { MAX_INVITE_USES } from '../../../protocol/limits.ts';
import { call } from '../../sdk/call.ts';
import { routeHash } from '../router.ts';
import { copyText } from '../ui/clipboard.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { ActionButton, Form, Labelled, Problem, textOf } from '../ui/form.tsx';
import { dayOf } from '../ui/times.ts';
import { useAction } from '../ui/use-action.ts';
import { useQuery } from '../ui/use-query.ts';
import type { Jam } from './jam.ts';
import { KnockList } from './knock-list.tsx';
import { useJam, useSession } from './use-jam.ts';

const HOUR_MS = 3_600_000;
/** While people come in one after the other, their links are asked for once. */
const SETTLING_MS = 500;

const ROLES: Record<InviteRole, { label: string; hint: string }> = {
  'co-author': { label: 'Co-author', hint: 'writes, plays, chats and asks the AI' },
  viewer: { label: 'Viewer', hint: 'reads along, listens and chats' },
};

const EXPIRIES = [
  ['never', 'never', null],
  ['hour', 'in an hour', HOUR_MS],
  ['day', 'in a day', 24 * HOUR_MS],
  ['week', 'in a week', 7 * 24 * HOUR_MS],
] as const;

export function ShareDialog({ onClose }: { onClose(): void }) {
  const isHost = useSession(({ role }) => role === 'host');
  return (
    <Dialog id="invite" heading={isHost ? 'Invite people' : 'Share'} onClose={onClose}>
      {/* The page behind can't be pressed now, and this is when people come. */}
      <KnockList />
      {isHost && <Invites />}
      <PlainAddress />
    </Dialog>
  );
}

/** The session's own address, which lets no one in by itself. */
function PlainAddress() {
  const { sessionId } = useJam();
  const isHost = useSession(({ role }) => role === 'host');
  const [note, setNote] = useState('');
  const address = `${location.origin}/s/${sessionId}`;
  const who = isHost ? 'you' : 'the host';
  return (
    <section class="stack" aria-labelledby="address-heading">
      <h3 id="address-heading">The session’s address</h3>
      <p class="hint">
        Those who open it ask {who} to be let in. While the session is open to everyone, they may look in at
        once.
      </p>
      <div class="field-action">
        <LinkField link={address} label="Address" testId="share-address" />
        <button
          type="button"
          data-testid="share-copy"
          onClick={async () =>
            setNote((await copyText(address)) ? 'Address copied.' : 'Copy the address above.')
          }
        >
          Copy
        </button>
      </div>
      <p class="note" role="status">
        {note}
      </p>
    </section>
  );
}

interface LinkFieldProps {
  link: string;
  label: string;
  testId: string;
}

function LinkField({ link, label, testId }: LinkFieldProps) {
  return (
    <input
      type="text"
      readOnly
      aria-label={label}
      data-testid={testId}
      value={link}
      onFocus={(event) => event.currentTarget.select()}
    />
  );
}

function Invites() {
  const jam = useJam();
  const { sessionId } = jam;
  useEffect(() => jam.client.askRoomClock(), [jam]);
  /** The newest one made, or the one that couldn't be copied. */
  const [shown, setShown] = useState<Invite | null>(null);
  const [note, setNote] = useState('');
  const list = useQuery(sessionId, async () => {
    const { tokens } = await call(listInvites, { params: { id: sessionId }, token: jam.token });
    return tokens;
  });
  // A new person has probably used a link.
  const here = useSession(({ participants, watching }) => participants.length + watching);
  const listed = useRef(here);
  useEffect(() => {
    if (here === listed.current) return;
    const timer = setTimeout(() => {
      listed.current = here;
      void list.refresh();
    }, SETTLING_MS);
    return () => clearTimeout(timer);
  }, [here, list.refresh]);

  const copy = async (invite: Invite) => {
    const isCopied = await copyText(linkOf(invite));
    setNote(isCopied ? `${ROLES[invite.role].label} link copied.` : 'Copy the link above.');
    if (!isCopied) setShown(invite);
  };
  const make = async (fields: FormData) => {
    const uses = textOf(fields, 'uses');
    const lifeMs = EXPIRIES.find(([value]) => value === textOf(fields, 'expiry'))?.[2] ?? null;
    const invite = await call(createInvite, {
      params: { id: sessionId },
      token: jam.token,
      body: {
        role: textOf(fields, 'role') === 'viewer' ? 'viewer' : 'co-author',
        max_uses: uses === '' ? null : Number(uses),
        expires_at: lifeMs === null ? null : new Date(nowIn(jam) + lifeMs).toISOString(),
      },
    });
    setShown(invite);
    await copy(invite);
    void list.refresh();
  };
  const revoke = async (invite: Invite) => {
    await call(revokeInvite, { params: { id: sessionId, token_id: invite.id }, token: jam.token });
    if (shown?.id === invite.id) setShown(null);
    setNote('Link revoked. Participants who joined by it have left.');
    await list.refresh();
  };

  const invites = list.data ?? [];
  return (
    <>
      <Form action="Make a link" submitTestId="invite-make" submit={make}>
        <fieldset class="choices">
          <legend class="visually-hidden">Role</legend>
          <Choice of="co-author" isChosen />
          <Choice of="viewer" isChosen={false} />
        </fieldset>
        <div class="field-row">
          <Labelled for="invite-uses" label="How many people">
            <input
              id="invite-uses"
              name="uses"
              type="number"
              min="1"
              max={MAX_INVITE_USES}
              inputMode="numeric"
              placeholder="no limit"
              data-testid="invite-uses"
            />
          </Labelled>
          <Labelled for="invite-expiry" label="Expires">
            <select id="invite-expiry" name="expiry" data-testid="invite-expiry">
              {EXPIRIES.map(([value, label]) => (
                <option key={value} value={value}>
                  {label}
                </option>
              ))}
            </select>
          </Labelled>
        </div>
      </Form>
      {shown && <LinkField link={linkOf(shown)} label="Invite link" testId="invite-link" />}
      <p class="note" role="status" data-testid="invite-note">
        {note}
      </p>
      {invites.length > 0 && (
        <section class="invite-list">
          <h3>Links that are out</h3>
          <ul class="rows" data-testid="invites">
            {invites.map((invite) => (
              <InviteRow key={invite.id} invite={invite} copy={copy} revoke={revoke} />
            ))}
          </ul>
        </section>
      )}
      <Problem>{list.problem ?? ''}</Problem>
    </>
  );
}

function Choice({ of: role, isChosen }: { of: InviteRole; isChosen: boolean }) {
  const { label, hint } = ROLES[role];
  return (
    <label class="choice">
      <input type="radio" name="role" value={role} defaultChecked={isChosen} data-testid={`invite-${role}`} />
      <span class="choice-text">
        <strong>{label}</strong>
        <span>{hint}</span>
      </span>
    </label>
  );
}

interface InviteRowProps {
  invite: Invite;
  copy(invite: Invite): Promise<void>;
  /** @throws in words for people. */
  revoke(invite: Invite): Promise<void>;
}

function InviteRow({ invite, copy, revoke }: InviteRowProps) {
  const jam = useJam();
  const action = useAction();
  const { label } = ROLES[invite.role];
  return (
    <li data-invite={invite.id}>
      <span class="row-main">
        {label}
        <span class="dim invite-facts" data-testid="invite-facts">
          {factsOf(invite, nowIn(jam))}
        </span>
      </span>
      <button type="button" class="small" aria-label={`Copy ${label} link`} onClick={() => void copy(invite)}>
        Copy
      </button>
      <ActionButton
        action={action}
        class="small"
        testId="invite-revoke"
        label={`Revoke ${label} link`}
        run={() => revoke(invite)}
      >
        Revoke
      </ActionButton>
      <Problem>{action.problem}</Problem>
    </li>
  );
}

/** The secret is in the fragment, which no server sees. */
function linkOf(invite: Invite): string {
  return `${location.origin}/${routeHash({ name: 'join', inviteToken: invite.token })}`;
}

/** Milliseconds by the room's clock, once it is known: this device's may be set wrong. */
const nowIn = (jam: Jam) => jam.client.roomNow() ?? Date.now();

function factsOf({ uses_count: count, max_uses: max, expires_at: expires }: Invite, nowMs: number): string {
  const used = max === null ? `used ${count} ${count === 1 ? 'time' : 'times'}` : `used ${count} of ${max}`;
  if (expires === null) return used;
  return Date.parse(expires) <= nowMs ? `${used}, expired` : `${used}, until ${dayOf(expires)}`;
}
