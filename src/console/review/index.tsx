export { BlockPage } from './block-page.tsx';
export { QueuePage } from './queue-page.tsx';
