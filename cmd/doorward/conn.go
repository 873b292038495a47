package main

import (
	"context"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/doorward/doorward/internal/fault"
	"github.com/doorward/doorward/internal/rpc"
)

// operatorConn is an operator's connection. When a service says no more than that something failed on its side, the error has the id under which its log says
// more.
type operatorConn struct{ *grpc.ClientConn }

var _ grpc.ClientConnInterface = (*operatorConn)(nil)

func dialOperator(address string, cfg rpc.ClientConfig) (*operatorConn, error) {
	conn, err := rpc.Dial(address, cfg)
	if err != nil {
		return nil, err
	}
	return &operatorConn{conn}, nil
}

// Invoke makes a unary call.
func (c *operatorConn) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	var header metadata.MD
	err := c.ClientConn.Invoke(ctx, method, args, reply, append(opts, grpc.Header(&header))...)
	if err == nil || fault.KindOf(err) != fault.Internal {
		return err
	}
	if ids := header.Get(rpc.RequestIDKey); len(ids) == 1 {
		return fmt.Errorf("%w (request id %s)", err, ids[0])
	}
	return err
}
