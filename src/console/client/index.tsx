export { ClientPage } from './client-page.tsx';
