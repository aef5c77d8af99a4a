export const GatesPage = () => <h1 tabIndex={-1}>Gates</h1>;
