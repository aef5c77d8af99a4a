import type { PageProps } from '../app/page.ts';

export const ClientPage = ({ params }: PageProps) => <h1 tabIndex={-1}>Client {params['subject']}</h1>;
