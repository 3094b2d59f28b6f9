/** Which Chromium the tests run in. */
import { existsSync } from 'node:fs';

const BROWSER = '/usr/bin/chromium';
const SHELL = '/usr/bin/chromium-headless-shell';

/** The whole browser, with tabs and windows. `CHROMIUM_PATH` names another. */
export const CHROMIUM = process.env.CHROMIUM_PATH ?? BROWSER;

/** The same engine without its windows, which takes half of the processor's time, where it is installed. */
export const ENGINE = process.env.CHROMIUM_PATH ?? (existsSync(SHELL) ? SHELL : BROWSER);
