package rpc

import (
	"crypto/tls"
	"errors"
	"maps"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	reflectionpb "google.golang.org/grpc/reflection/grpc_reflection_v1"
	reflectionalphapb "google.golang.org/grpc/reflection/grpc_reflection_v1alpha"

	"github.com/doorward/doorward/internal/access"
)

func (cfg ServerConfig) withDefaults() ServerConfig {
	cfg.Limits = cfg.Limits.withDefaults()
	cfg.CallTimeout = orDefault(cfg.CallTimeout, defaultCallTimeout)
	cfg.ArrivalTimeout = orDefault(cfg.ArrivalTimeout, arrivalTimeout)
	cfg.SlowCall = orDefault(cfg.SlowCall, 250*time.Millisecond)
	cfg.StopGrace = orDefault(cfg.StopGrace, 10*time.Second)
	return cfg
}

func orDefault[T int | time.Duration](v, def T) T {
	if v <= 0 {
		return def
	}
	return v
}

func (s *Server) options(cfg ServerConfig) []grpc.ServerOption {
	steps := s.chain(cfg)
	return []grpc.ServerOption{
		grpc.Creds(credentials.NewTLS(cfg.TLS.Clone())),
		grpc.UnaryInterceptor(serveUnary(steps)),
		grpc.StreamInterceptor(serveStream(steps)),
		grpc.InTapHandle(s.arrivals.bound(deadlines(cfg.CallTimeout, s.isStreaming))),
		grpc.MaxRecvMsgSize(maxRequestBytes),
		grpc.MaxSendMsgSize(maxResponseBytes),
		grpc.MaxHeaderListSize(maxHeaderBytes),
		grpc.MaxConcurrentStreams(uint32(cfg.Limits.MaxCalls + cfg.Limits.MaxStreams)),
		grpc.NumStreamWorkers(workers),
		grpc.ConnectionTimeout(connectTimeout),
		grpc.WaitForHandlers(true), // the store is closed after Run returns
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: leastPingInterval, PermitWithoutStream: true}),
		grpc.KeepaliveParams(keepalive.ServerParameters{
			Time:                  serverPingAfter,
			Timeout:               serverPingTimeout,
			MaxConnectionIdle:     maxConnectionIdle,
			MaxConnectionAge:      maxConnectionAge,
			MaxConnectionAgeGrace: maxConnectionAgeGrace,
		}),
	}
}

// ErrWeakTLS refuses a TLS configuration under which a peer's name could be forged.
var ErrWeakTLS = errors.New("rpc: use TLS as package certs makes it: version 1.3, verified certificates, the suite's own CA")

func checkServerTLS(cfg *tls.Config) error {
	switch {
	case cfg == nil, cfg.MinVersion < tls.VersionTLS13:
		return ErrWeakTLS
	case cfg.ClientAuth != tls.RequireAndVerifyClientCert && cfg.ClientAuth != tls.VerifyClientCertIfGiven:
		return ErrWeakTLS
	case cfg.ClientCAs == nil: // Go would take the system's CAs, who sign anybody
		return ErrWeakTLS
	case cfg.GetConfigForClient != nil: // could undo all of the above
		return ErrWeakTLS
	}
	return nil
}

// withOwnRows adds the rows of the services that every server has.
func withOwnRows(table access.Table, reflection bool) access.Table {
	own := access.Table{
		// Behind a proxy that passes TCP on, or behind NAT, all clients are one network, and a
		// stranger who asks without pause uses up what a balancer's checks need: have it show a
		// certificate, which has a pace of its own. Without a limit strangers would have our
		// memory: who takes no answers (HTTP/2 lets a client say so) has gRPC keep 2.5 KB for
		// each, 5120 on each connection, for the half hour that one lives.
		healthpb.Health_Check_FullMethodName: {Callers: access.Public, Limit: access.PerSecond(50), Priority: access.Vital},
		healthpb.Health_List_FullMethodName:  {Callers: access.Public, Limit: access.PerSecond(5), Priority: access.Vital},
		healthpb.Health_Watch_FullMethodName: {Callers: access.Public, Limit: access.PerSecond(5), Priority: access.Deferrable},
	}
	if reflection {
		row := access.Rule{Callers: access.Public, Limit: access.PerSecond(20), Priority: access.Deferrable}
		own[reflectionpb.ServerReflection_ServerReflectionInfo_FullMethodName] = row
		own[reflectionalphapb.ServerReflection_ServerReflectionInfo_FullMethodName] = row
	}
	maps.Copy(own, table)
	return own
}
