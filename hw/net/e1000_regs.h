/*
 * Registers and bits of the 82540EM, after: Intel PCI/PCI-X Family of Gigabit Ethernet Controllers Software
 * Developer's Manual (317453), chapters 3, 5, 13.
 */
#ifndef HW_NET_E1000_REGS_H
#define HW_NET_E1000_REGS_H

#define E1000_MMIO_SIZE 0x20000u
#define E1000_IO_SIZE   64u
#define E1000_IOADDR    0
#define E1000_IODATA    4
#define E1000_REGS_END  0xa000u /* above it nothing answers */

#define E1000_CTRL   0x0000
#define E1000_STATUS 0x0008
#define E1000_EECD   0x0010
#define E1000_EERD   0x0014
#define E1000_CTRL_EXT 0x0018
#define E1000_MDIC   0x0020
#define E1000_FCAL   0x0028
#define E1000_FCAH   0x002c
#define E1000_FCT    0x0030
#define E1000_VET    0x0038
#define E1000_ICR    0x00c0
#define E1000_ITR    0x00c4
#define E1000_ICS    0x00c8
#define E1000_IMS    0x00d0
#define E1000_IMC    0x00d8
#define E1000_RCTL   0x0100
#define E1000_FCTTV  0x0170
#define E1000_TXCW   0x0178
#define E1000_TCTL   0x0400
#define E1000_TIPG   0x0410
#define E1000_AIT    0x0458
#define E1000_LEDCTL 0x0e00
#define E1000_PBA    0x1000
#define E1000_FCRTL  0x2160
#define E1000_FCRTH  0x2168
#define E1000_RDBAL  0x2800
#define E1000_RDBAH  0x2804
#define E1000_RDLEN  0x2808
#define E1000_RDH    0x2810
#define E1000_RDT    0x2818
#define E1000_RDTR   0x2820
#define E1000_RXDCTL 0x2828
#define E1000_RADV   0x282c
#define E1000_RSRPD  0x2c00
#define E1000_TXDMAC 0x3000
#define E1000_TDBAL  0x3800
#define E1000_TDBAH  0x3804
#define E1000_TDLEN  0x3808
#define E1000_TDH    0x3810
#define E1000_TDT    0x3818
#define E1000_TIDV   0x3820
#define E1000_TXDCTL 0x3828
#define E1000_TADV   0x382c
#define E1000_TSPMT  0x3830
#define E1000_STATS  0x4000
#define E1000_RXCSUM 0x5000
#define E1000_MTA    0x5200
#define E1000_RA     0x5400
#define E1000_VFTA   0x5600
#define E1000_WUC    0x5800
#define E1000_WUFC   0x5808
#define E1000_WUS    0x5810
#define E1000_MANC   0x5820
#define E1000_IPAV   0x5838
#define E1000_IP4AT  0x5840
#define E1000_IP6AT  0x5880
#define E1000_WUPL   0x5900
#define E1000_WUPM   0x5a00
#define E1000_SWSM   0x5b50 /* of later chips; U-Boot takes the semaphore of all */
#define E1000_FFLT   0x5f00
#define E1000_FFMT   0x9000
#define E1000_FFVT   0x9800

#define CTRL_FD     (1u << 0)
#define CTRL_SLU    (1u << 6)
#define CTRL_SPEED_1000 (2u << 8)
#define CTRL_RST    (1u << 26)
#define CTRL_RFCE   (1u << 27)
#define CTRL_TFCE   (1u << 28)
#define CTRL_VME    (1u << 30)
#define CTRL_PHY_RST (1u << 31)

#define STATUS_FD    (1u << 0)
#define STATUS_LU    (1u << 1)
#define STATUS_TXOFF (1u << 4)
#define STATUS_SPEED_1000 (2u << 6)

#define CTRL_EXT_EE_RST (1u << 13)

#define EECD_SK   (1u << 0)
#define EECD_CS   (1u << 1)
#define EECD_DI   (1u << 2)
#define EECD_DO   (1u << 3)
#define EECD_FWE  (3u << 4)
#define EECD_REQ  (1u << 6)
#define EECD_GNT  (1u << 7)
#define EECD_PRES (1u << 8)

#define EERD_START 1u
#define EERD_DONE  (1u << 4)

#define MDIC_WRITE (1u << 26)
#define MDIC_READ  (2u << 26)
#define MDIC_READY (1u << 28)
#define MDIC_IE    (1u << 29)
#define MDIC_ERROR (1u << 30)

#define ICR_TXDW   (1u << 0)
#define ICR_TXQE   (1u << 1)
#define ICR_LSC    (1u << 2)
#define ICR_RXDMT0 (1u << 4)
#define ICR_RXO    (1u << 6)
#define ICR_RXT0   (1u << 7)
#define ICR_MDAC   (1u << 9)
#define ICR_TXD_LOW (1u << 15)
#define ICR_SRPD   (1u << 16)
#define ICR_ALL    0x0001ffffu

#define RCTL_EN    (1u << 1)
#define RCTL_UPE   (1u << 3)
#define RCTL_MPE   (1u << 4)
#define RCTL_LPE   (1u << 5)
#define RCTL_LBM   (3u << 6)
#define RCTL_RDMTS_SHIFT 8
#define RCTL_MO_SHIFT 12
#define RCTL_BAM   (1u << 15)
#define RCTL_BSIZE_SHIFT 16
#define RCTL_VFE   (1u << 18)
#define RCTL_CFIEN (1u << 19)
#define RCTL_CFI   (1u << 20)
#define RCTL_DPF   (1u << 22)
#define RCTL_PMCF  (1u << 23)
#define RCTL_BSEX  (1u << 25)
#define RCTL_SECRC (1u << 26)

#define TCTL_EN  (1u << 1)
#define TCTL_PSP (1u << 3)
#define TCTL_SWXOFF (1u << 22)

#define FCRTL_XONE (1u << 31)

#define WUC_APME 1u
#define WUC_PME_EN 2u
#define WUC_PME_STATUS 4u
#define WUFC_LNKC 0x01u
#define WUFC_MAG  0x02u
#define WUFC_EX   0x04u
#define WUFC_MC   0x08u
#define WUFC_BC   0x10u
#define WUFC_ARP  0x20u
#define WUFC_IPV4 0x40u
#define WUFC_IPV6 0x80u
#define WUFC_FLX_SHIFT 16 /* four flexible filters */

#define RXCSUM_PCSS  0xffu
#define RXCSUM_IPOFL (1u << 8)
#define RXCSUM_TUOFL (1u << 9)

#define RAH_AV (1u << 31)
#define RAH_AS_SHIFT 16

#define RDTR_FPD (1u << 31)
#define DCTL_WTHRESH_SHIFT 16 /* of RXDCTL and TXDCTL */
#define DCTL_WTHRESH_MASK 0x3fu
#define DCTL_LWTHRESH_SHIFT 25 /* of TXDCTL */
#define DCTL_GRAN (1u << 24) /* thresholds count descriptors, not cache lines */

/* Descriptors: 16 bytes. Bits of the second quadword's low dword (length, command) unless stated. */
#define TXD_CMD_EOP  (1u << 24)
#define TXD_CMD_IFCS (1u << 25)
#define TXD_CMD_IC   (1u << 26) /* legacy: insert checksum */
#define TXD_CMD_TSE  (1u << 26) /* extended: TCP segmentation */
#define TXD_CMD_RS   (1u << 27)
#define TXD_CMD_RPS  (1u << 28)
#define TXD_CMD_DEXT (1u << 29)
#define TXD_CMD_VLE  (1u << 30)
#define TXD_CMD_IDE  (1u << 31)
#define TXD_DTYP_MASK (0xfu << 20)
#define TXD_DTYP_DATA (1u << 20)
#define TXD_CONTEXT_TCP (1u << 24)
#define TXD_CONTEXT_IP  (1u << 25)
#define TXD_CONTEXT_TSE (1u << 26)
#define TXD_LENGTH_MASK 0xfffffu
#define TXD_STA_DD   1u       /* byte 12 */
#define TXD_POPTS_IXSM 1u     /* byte 13 */
#define TXD_POPTS_TXSM 2u

#define RXD_STA_DD    0x01
#define RXD_STA_EOP   0x02
#define RXD_STA_IXSM  0x04
#define RXD_STA_VP    0x08
#define RXD_STA_TCPCS 0x20
#define RXD_STA_IPCS  0x40
#define RXD_STA_PIF   0x80
#define RXD_ERR_TCPE  0x20
#define RXD_ERR_IPE   0x40

/* Statistics registers, by number from E1000_STATS. */
enum e1000_stat {
    STAT_RLEC = 0x40 / 4,
    STAT_MPC = 0x10 / 4,
    STAT_XOFFRXC = 0x50 / 4,
    STAT_XONRXC = 0x48 / 4,
    STAT_XONTXC = 0x4c / 4,
    STAT_XOFFTXC = 0x54 / 4,
    STAT_FCRUC = 0x58 / 4,
    STAT_PRC64 = 0x5c / 4, /* six size classes follow each other */
    STAT_GPRC = 0x74 / 4,
    STAT_BPRC = 0x78 / 4,
    STAT_MPRC = 0x7c / 4,
    STAT_GPTC = 0x80 / 4,
    STAT_GORCL = 0x88 / 4,
    STAT_GOTCL = 0x90 / 4,
    STAT_RNBC = 0xa0 / 4,
    STAT_ROC = 0xac / 4,
    STAT_TORL = 0xc0 / 4,
    STAT_TOTL = 0xc8 / 4,
    STAT_TPR = 0xd0 / 4,
    STAT_TPT = 0xd4 / 4,
    STAT_PTC64 = 0xd8 / 4,
    STAT_MPTC = 0xf0 / 4,
    STAT_BPTC = 0xf4 / 4,
    STAT_TSCTC = 0xf8 / 4,
    STAT_TSCTFC = 0xfc / 4,
    STAT_COUNT = 0x100 / 4,
};

#endif
