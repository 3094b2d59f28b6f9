import { flood } from './flood.ts';

process.exitCode = (await flood((line) => console.log(line))) ? 0 : 1;
