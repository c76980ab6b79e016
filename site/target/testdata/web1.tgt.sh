#!/bin/sh -e
# The iSCSI target of web1. Made from the site of firewall.home.example by: gatehouse host web1 --target=tgt
# To be run as root on 192.168.32.10, with the disk, a file or a block device, as its argument.
# It is to be run in the directory of the site, or where copies of its secrets lie; they go on a command line.
disk=${1:?expected the disk}
tid=$(tgtadm --lld iscsi --op show --mode target | sed -n 's/^Target \([0-9]*\):.*/\1/p' | sort -n | tail -n 1)
tid=$((${tid:-0} + 1))
tgtadm --lld iscsi --op new --mode target --tid $tid --targetname iqn.2011-03.example.home:web1.root
tgtadm --lld iscsi --op new --mode logicalunit --tid $tid --lun 1 --backing-store "$disk"
tgtadm --lld iscsi --op show --mode account | grep -qxF '    web1' ||
	tgtadm --lld iscsi --op new --mode account --user web1 --password "$(cat 'chap/web1')"
tgtadm --lld iscsi --op bind --mode account --tid $tid --user web1
tgtadm --lld iscsi --op show --mode account | grep -qxF '    store' ||
	tgtadm --lld iscsi --op new --mode account --user store --password "$(cat 'chap/the store'\''s')"
tgtadm --lld iscsi --op bind --mode account --tid $tid --user store --outgoing
tgtadm --lld iscsi --op bind --mode target --tid $tid --initiator-name iqn.2011-03.example.home:web1
