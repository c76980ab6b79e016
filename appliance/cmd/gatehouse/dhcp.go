package main

import (
	"context"
	"errors"

	"github.com/gatehouse-os/gatehouse/appliance/control"
	"github.com/gatehouse-os/gatehouse/appliance/netcfg/rtnl"
	"github.com/gatehouse-os/gatehouse/services/dhcp"
	"github.com/gatehouse-os/gatehouse/services/dhcp/leasefile"
	dhcprun "github.com/gatehouse-os/gatehouse/services/dhcp/run"
)

// runDHCP is the DHCP server: sockets and the control socket are opened while the
// process may, then it drops to its own user and serves. It keeps what it takes to open
// the sockets of a link again that went and came back.
func runDHCP(ctx context.Context, p process) error {
	var config dhcp.Config
	if err := p.read(&config); err != nil {
		return err
	}
	changed, err := rtnl.Watch(ctx)
	if err != nil {
		return err
	}
	service, err := dhcprun.Open(config, dhcprun.Options{FS: leasefile.Dir(p.StateDir), Log: p.log, Changed: changed})
	if err != nil {
		return err
	}
	return p.serve(ctx, service.Methods(), service.Run)
}

// serve runs a service and answers questions about it on its control socket,
// until ctx ends or the service does.
func (p process) serve(ctx context.Context, m control.Mux, run func(ctx context.Context, drop, ready func() error) error) error {
	l, err := control.Listen(runDir, p.Name)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	answered := make(chan error, 1)
	go func() { answered <- control.Serve(ctx, l, m) }()
	err = run(ctx, p.drop, p.ready)
	cancel()
	return errors.Join(err, <-answered)
}
