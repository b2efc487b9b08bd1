export type { RouterOptions } from './options.js';
export type { RouteOptions, RouteSnapshot } from './route.js';
export { RouterClient } from './router-client.js';
