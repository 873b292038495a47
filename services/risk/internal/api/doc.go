// Package api turns risk's protos into use cases and back, and nothing else. Requests have passed their rules before they come here
// (internal/rpc), and whoever calls has passed the access table. risk's own package registers the two servers.
package api
