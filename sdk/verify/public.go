package verify

import (
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	accessv1 "github.com/doorward/doorward/gen/doorward/access/v1"
)

// Option changes which methods need a session.
type Option func(publicMethods)

// publicMethods are the full names, /package.Service/Method, of what may be called without a session. Whatever isn't in
// it needs one, a method that doesn't exist included.
type publicMethods map[string]bool

// Public names methods that anybody may call, such as "/grpc.health.v1.Health/Check". Give the same to Unary and Stream.
func Public(methods ...string) Option {
	return func(public publicMethods) {
		for _, method := range methods {
			public[method] = true
		}
	}
}

func newPublicMethods(options []Option) publicMethods {
	public := publicMethods{}
	public.readRegistry()
	for _, option := range options {
		option(public)
	}
	return public
}

// readRegistry adds the methods that are public by their proto, of every service linked into the program.
func (p publicMethods) readRegistry() {
	protoregistry.GlobalFiles.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		for i := range file.Services().Len() {
			p.readService(file.Services().Get(i))
		}
		return true
	})
}

func (p publicMethods) readService(service protoreflect.ServiceDescriptor) {
	for i := range service.Methods().Len() {
		method := service.Methods().Get(i)
		options, ok := method.Options().(*descriptorpb.MethodOptions)
		if !ok {
			continue
		}
		access, ok := proto.GetExtension(options, accessv1.E_Access).(*accessv1.Access)
		if ok && access.GetPublic() {
			p["/"+string(service.FullName())+"/"+string(method.Name())] = true
		}
	}
}
