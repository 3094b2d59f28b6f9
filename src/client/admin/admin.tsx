/** The operator's page: what waits, what is used up, what went wrong, and what to do about it. */
import { render } from 'preact';
import { App } from './app.tsx';

const root = document.getElementById('app');
if (root) render(<App />, root);
