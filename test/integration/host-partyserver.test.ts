/** What a host owes the rest of the product, on the one that is deployed. */
import { hostContract } from '../support/host-contract.ts';

hostContract({
  host: 'partyserver',
  // Here workerd keeps them on disk, beside the rooms' storage.
  keepsAlarms: true,
  afterKill: 'the alarm that a killed process left behind flushes what that had acknowledged',
  sendsPageHeaders: true,
});
