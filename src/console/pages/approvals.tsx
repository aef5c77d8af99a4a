export const ApprovalsPage = () => <h1 tabIndex={-1}>Approvals</h1>;
