package run

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// How the kernel is to hand packets over (linux/netfilter/nfnetlink_log.h).
const (
	configCommand   = 1 // NFULA_CFG_CMD
	configMode      = 2 // NFULA_CFG_MODE
	configThreshold = 5 // NFULA_CFG_QTHRESH
	configFlags     = 6 // NFULA_CFG_FLAGS

	bind          = 1 // NFULNL_CFG_CMD_BIND
	copyPacket    = 2 // NFULNL_COPY_PACKET
	countPackets  = 1 // NFULNL_CFG_F_SEQ
	copiedBytes   = 256
	messageConfig = netlink.HeaderType(subsystem<<8 | msgConfig)
	messagePacket = netlink.HeaderType(subsystem<<8 | msgPacket)
)

// open binds an NFLOG group of the calling thread's network namespace. It needs CAP_NET_ADMIN; reading needs
// nothing.
func open(group uint16) (*netlink.Conn, error) {
	conn, err := netlink.Dial(unix.NETLINK_NETFILTER, nil)
	if err != nil {
		return nil, fmt.Errorf("nflog: netlink: %w", err)
	}
	if err := configure(conn, group); err != nil {
		return nil, errors.Join(fmt.Errorf("nflog: group %d: %w", group, err), conn.Close())
	}
	return conn, nil
}

// configure asks for the first bytes of each packet at once: the rules bound how many there are.
func configure(conn *netlink.Conn, group uint16) error {
	e := netlink.NewAttributeEncoder()
	e.ByteOrder = binary.BigEndian
	e.Uint8(configCommand, bind)
	e.Bytes(configMode, append(binary.BigEndian.AppendUint32(nil, copiedBytes), copyPacket, 0))
	e.Uint32(configThreshold, 1)
	e.Uint16(configFlags, countPackets)
	attributes, err := e.Encode()
	if err != nil {
		return err
	}
	head := binary.BigEndian.AppendUint16([]byte{unix.AF_UNSPEC, unix.NFNETLINK_V0}, group)
	if _, err := conn.Send(netlink.Message{
		Header: netlink.Header{Type: messageConfig, Flags: netlink.Request | netlink.Acknowledge},
		Data:   append(head, attributes...),
	}); err != nil {
		return err
	}
	for { // a packet may come before the answer
		answers, err := conn.Receive()
		if err != nil {
			return err
		}
		for _, a := range answers {
			if a.Header.Type == netlink.Error {
				return nil
			}
		}
	}
}
