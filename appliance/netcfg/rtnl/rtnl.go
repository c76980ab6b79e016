// Package rtnl is the kernel's side of netcfg: it reads and changes links, addresses and routes by
// rtnetlink(7) and settings in /proc/sys, and hears what the kernel tells of links.
//
// All of it is about the network namespace of the calling thread. Changes need CAP_NET_ADMIN and Linux 5.18
// for owned addresses (IFA_PROTO); Watch needs nothing. iproute2 is not used.
package rtnl

import (
	"context"
	"errors"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/netcfg"
)

// Apply makes the kernel's network equal to want, once; see netcfg.Apply.
func Apply(ctx context.Context, want netcfg.Config) (changes []string, err error) {
	k, err := openKernel()
	if err != nil {
		return nil, err
	}
	defer k.Close()
	return netcfg.Apply(ctx, k, want)
}

// A Keeper is a netcfg.Keeper of the kernel's network.
type Keeper struct {
	*netcfg.Keeper
	kernel     kernel
	monitor    *monitor
	redetector redetector
}

// Open prepares to keep the network. Its goroutine is Run's.
func Open(tell netcfg.Tell) (*Keeper, error) {
	k, err := openKernel()
	if err != nil {
		return nil, err
	}
	m, err := openMonitor(unix.RTMGRP_LINK) // before the first look, so that nothing is missed
	if err != nil {
		k.Close()
		return nil, err
	}
	again, err := openKernel()
	if err != nil {
		k.Close()
		return nil, errors.Join(err, m.socket.Close())
	}
	return &Keeper{netcfg.NewKeeper(k, tell), k, m, redetector{kernel: again}}, nil
}

// Run keeps the network equal to what is Set, and has the kernel look again for link-local addresses that
// another station had, until ctx ends. Settings are those of the namespace of its thread.
func (k *Keeper) Run(ctx context.Context) {
	var following sync.WaitGroup
	following.Go(func() { k.monitor.follow(ctx, k.Add) })
	following.Go(func() { k.redetector.run(ctx) })
	k.Keeper.Run(ctx)
	following.Wait()
	k.kernel.Close()
}
