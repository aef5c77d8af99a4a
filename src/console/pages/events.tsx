export const EventsPage = () => <h1 tabIndex={-1}>Events</h1>;
