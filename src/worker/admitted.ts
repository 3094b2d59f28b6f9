import type { AdmissionOutcome, Admitted } from '../access/admission-types.ts';
import { ApiError } from './errors.ts';

/** Who was admitted. @throws {ApiError} the refusal, as a reply. */
export function admittedOf(outcome: AdmissionOutcome): Admitted {
  if (outcome.ok) return outcome.admitted;
  throw new ApiError(outcome.status, outcome.error, outcome.message, undefined, outcome.retryAfterS);
}
