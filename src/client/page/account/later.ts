/** What most visits never need: signing in and out, renewing, and the account itself. */
export { AccountDialog } from './account-dialog.tsx';
export { AccountItems } from './account-items.tsx';
export { arrive, claim, endSignIn, renew } from './sign-in.ts';
export { SignInDialog } from './sign-in-dialog.tsx';
