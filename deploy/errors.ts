/** Something whoever deploys can act on: shown as one message without a stack trace, and without any secret. */
export class DeployError extends Error {
  override readonly name = 'DeployError';
}
