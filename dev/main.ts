/** `npm run dev`: the supervisor, as it is run by whatever starts a stack. */
import { pathToFileURL } from 'node:url';
import { providePrograms } from './programs.ts';

const supervisor = (await providePrograms())('supervisor').at(-1) ?? '';
await import(pathToFileURL(supervisor).href);
