package main

import (
	"context"

	"github.com/gatehouse-os/gatehouse/appliance/netcfg/rtnl"
	"github.com/gatehouse-os/gatehouse/appliance/sshadmin"
)

// runSSH is the ssh server. It stays root, since its sessions are root shells.
func runSSH(ctx context.Context, p process) error {
	var config sshadmin.Config
	if err := p.read(&config); err != nil {
		return err
	}
	ready := func() {
		if err := p.ready(); err != nil {
			p.log.Warn(err.Error())
		}
	}
	changed, err := rtnl.Watch(ctx)
	if err != nil {
		return err
	}
	return sshadmin.Serve(ctx, config, changed, p.log, ready)
}
