/* Object identifiers of the protocols, dotted. */
#ifndef GATEHOUSE_CORE_PKI_OIDS_H
#define GATEHOUSE_CORE_PKI_OIDS_H

#define OID_KP_SERVER_AUTH        "1.3.6.1.5.5.7.3.1"
#define OID_KP_CLIENT_AUTH        "1.3.6.1.5.5.7.3.2"
#define OID_KP_CMC_CA             "1.3.6.1.5.5.7.3.27"
#define OID_KP_CMC_RA             "1.3.6.1.5.5.7.3.28" /* RFC 6402 2.10 */
#define OID_KP_OCSP_SIGNING       "1.3.6.1.5.5.7.3.9"
#define OID_AD_OCSP               "1.3.6.1.5.5.7.48.1"
#define OID_OCSP_NOCHECK          "1.3.6.1.5.5.7.48.1.5" /* RFC 6960 4.2.2.2.1 */
#define OID_AD_CA_ISSUERS         "1.3.6.1.5.5.7.48.2"
#define OID_PE_AUTHORITY_INFO     "1.3.6.1.5.5.7.1.1"
#define OID_PE_MASA_URL           "1.3.6.1.5.5.7.1.32" /* RFC 8995 2.3.2 */
#define OID_PE_MASA_URL_OLD       "1.3.6.1.4.1.46930.2"
#define OID_AT_SERIAL_NUMBER      "2.5.4.5" /* X520SerialNumber */
#define OID_DATA                  "1.2.840.113549.1.7.1"
#define OID_ANIMA_JSON_VOUCHER    "1.2.840.113549.1.9.16.1.40" /* RFC 8366 5.4 */
#define OID_CT_PKI_DATA           "1.3.6.1.5.5.7.12.2"         /* RFC 5272 3.2 */
#define OID_CT_PKI_RESPONSE       "1.3.6.1.5.5.7.12.3"
#define OID_CMC                   "1.3.6.1.5.5.7.7" /* RFC 5272 6: all controls of CMC */
#define OID_CMC_IDENTIFICATION    OID_CMC ".2"
#define OID_CMC_DATA_RETURN       OID_CMC ".4"
#define OID_CMC_TRANSACTION_ID    OID_CMC ".5"
#define OID_CMC_SENDER_NONCE      OID_CMC ".6"
#define OID_CMC_RECIPIENT_NONCE   OID_CMC ".7"
#define OID_CMC_QUERY_PENDING     OID_CMC ".21"
#define OID_CMC_LINK_RANDOM       OID_CMC ".22"
#define OID_CMC_STATUS_INFO_V2    OID_CMC ".25"
#define OID_CMC_LINK_WITNESS_V2   OID_CMC ".33"
#define OID_CMC_IDENTITY_PROOF_V2 OID_CMC ".34"
#define OID_CMC_CHANGE_SUBJECT    OID_CMC ".36" /* RFC 6402 2.8 */
#define OID_CHALLENGE_PASSWORD    "1.2.840.113549.1.9.7"
#define OID_EXTENSION_REQUEST     "1.2.840.113549.1.9.14"
#define OID_CRI_TEMPLATE          "1.2.840.113549.1.9.16.2.61" /* RFC 9908 3.4 */
#define OID_EXTENSION_TEMPLATE    "1.2.840.113549.1.9.16.2.62"
#define OID_EC_PUBLIC_KEY         "1.2.840.10045.2.1"
#define OID_RSA_ENCRYPTION        "1.2.840.113549.1.1.1"
#define OID_ED25519               "1.3.101.112" /* RFC 8410 */
#define OID_P256                  "1.2.840.10045.3.1.7"
#define OID_P384                  "1.3.132.0.34"
#define OID_P521                  "1.3.132.0.35"
#define OID_ECDSA_SHA256          "1.2.840.10045.4.3.2"
#define OID_ECDSA_SHA384          "1.2.840.10045.4.3.3"
#define OID_ECDSA_SHA512          "1.2.840.10045.4.3.4"
#define OID_RSA_SHA256            "1.2.840.113549.1.1.11"
#define OID_RSA_SHA384            "1.2.840.113549.1.1.12"
#define OID_RSA_SHA512            "1.2.840.113549.1.1.13"
#define OID_ON_HARDWARE_MODULE    "1.3.6.1.5.5.7.8.4"
#define OID_ON_ACP_NODE_NAME      "1.3.6.1.5.5.7.8.10" /* RFC 8994 6.2.2 */
#define OID_CE_SUBJECT_KEY_ID     "2.5.29.14"
#define OID_CE_KEY_USAGE          "2.5.29.15"
#define OID_CE_SUBJECT_ALT_NAME   "2.5.29.17"
#define OID_CE_BASIC_CONSTRAINTS  "2.5.29.19"
#define OID_CE_CRL_POINTS         "2.5.29.31"
#define OID_CE_AUTHORITY_KEY_ID   "2.5.29.35"
#define OID_CE_EXT_KEY_USAGE      "2.5.29.37"

#endif
