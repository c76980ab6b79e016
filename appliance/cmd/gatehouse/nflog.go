package main

import (
	"context"

	"github.com/gatehouse-os/gatehouse/appliance/boot"
	"github.com/gatehouse-os/gatehouse/firewall/nflog"
	nflogrun "github.com/gatehouse-os/gatehouse/firewall/nflog/run"
)

// runNFLog keeps the packets that the firewall logs, for `gatehouse firewall log`. The
// kernel's queue is bound while the process is root; to read it takes no privilege.
func runNFLog(ctx context.Context, p process) error {
	var config nflog.Config
	if err := p.read(&config); err != nil {
		return err
	}
	service, err := nflogrun.Open(config, boot.Uptime, p.log)
	if err != nil {
		return err
	}
	return p.serve(ctx, service.Methods(), service.Run)
}
