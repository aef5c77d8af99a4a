import { render } from 'preact';
import { App } from './app/app.tsx';
import { listenForKeys } from './app/keys.ts';
import { startRouter } from './app/router.ts';
import { startSession } from './app/session.ts';
import { startTheme } from './app/theme.ts';

const root = document.getElementById('app');
if (root === null) throw new Error('index.html has no #app');

startTheme();
// Before the router: the address may bring a token along, which is no route.
startSession();
startRouter();
listenForKeys();
render(<App />, root);
