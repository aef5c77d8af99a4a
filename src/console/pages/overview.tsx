export const OverviewPage = () => <h1 tabIndex={-1}>Overview</h1>;
