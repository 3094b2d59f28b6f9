/** What a host owes the rest of the product, on PartyKit. */
import { hostContract } from '../support/host-contract.ts';

hostContract({
  host: 'partykit',
  // The older workerd of `partykit dev` has them in memory.
  keepsAlarms: false,
  afterKill: 'what a killed process had acknowledged is flushed by the cron, or once somebody has joined',
  sendsPageHeaders: false,
});
