/** A pattern by itself, to look at and to hear; other sites may show it in a frame. */
import { render } from 'preact';
import { PatternPage } from './pattern-page.tsx';

const root = document.querySelector('#app');
if (root) render(<PatternPage />, root);
