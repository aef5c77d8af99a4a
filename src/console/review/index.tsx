import type { PageProps } from '../app/page.ts';

export const QueuePage = () => <h1 tabIndex={-1}>Review queue</h1>;

export const BlockPage = ({ params }: PageProps) => <h1 tabIndex={-1}>Block {params['id']}</h1>;
