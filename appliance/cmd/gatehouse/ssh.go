package main

import (
	"context"

	"github.com/gatehouse-os/gatehouse/appliance/boot"
	"github.com/gatehouse-os/gatehouse/appliance/netcfg/rtnl"
	"github.com/gatehouse-os/gatehouse/appliance/sshadmin"
	"github.com/gatehouse-os/gatehouse/appliance/sshadmin/sshcfg"
)

// runSSH is the ssh server. It stays root, since its sessions are root shells.
func runSSH(ctx context.Context, p process) error {
	var config sshcfg.Config
	if err := p.read(&config); err != nil {
		return err
	}
	changed, err := rtnl.Watch(ctx)
	if err != nil {
		return err
	}
	service, err := sshadmin.Open(config, sshadmin.Options{Log: p.log, Changed: changed, Uptime: boot.Uptime})
	if err != nil {
		return err
	}
	return p.serve(ctx, service.Methods(), service.Run)
}
