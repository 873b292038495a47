package verify

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/emptypb"

	accessv1 "github.com/doorward/doorward/gen/doorward/access/v1"
)

func TestProtoOptionMakesAMethodPublic(t *testing.T) {
	method := func(name string, access *accessv1.Access) *descriptorpb.MethodDescriptorProto {
		options := &descriptorpb.MethodOptions{}
		if access != nil {
			proto.SetExtension(options, accessv1.E_Access, access)
		}
		empty := "." + string((&emptypb.Empty{}).ProtoReflect().Descriptor().FullName())
		return &descriptorpb.MethodDescriptorProto{Name: &name, InputType: &empty, OutputType: &empty, Options: options}
	}
	file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name:       proto.String("shop.proto"),
		Package:    proto.String("shop.v1"),
		Syntax:     proto.String("proto3"),
		Dependency: []string{emptypb.File_google_protobuf_empty_proto.Path()},
		Service: []*descriptorpb.ServiceDescriptorProto{{
			Name: proto.String("ShopService"),
			Method: []*descriptorpb.MethodDescriptorProto{
				method("Front", &accessv1.Access{Public: true}),
				method("Back", &accessv1.Access{}),
				method("Cellar", nil),
			},
		}},
	}, protoregistry.GlobalFiles)
	if err != nil {
		t.Fatal(err)
	}
	public := publicMethods{}
	public.readService(file.Services().Get(0))
	if diff := cmp.Diff(publicMethods{"/shop.v1.ShopService/Front": true}, public); diff != "" {
		t.Error(diff)
	}
}

func TestNothingIsPublicByItself(t *testing.T) {
	if public := newPublicMethods(nil); len(public) != 0 {
		t.Errorf("%v", public)
	}
}
