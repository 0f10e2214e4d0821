/*
 * The first octet of every key in the store, all in one place.  Capitals hold data, small letters
 * and digits are indexes that can be made again from the data.
 */
#ifndef GATEHOUSE_CORE_STORE_PREFIXES_H
#define GATEHOUSE_CORE_STORE_PREFIXES_H

enum store_prefix {
    PREFIX_AUDIT_PAYLOAD = 'A', /* sequence number (8, big-endian) -> payload             */
    PREFIX_BLOB = 'B',          /* table prefix, record key, blob number -> octets        */
    PREFIX_CERTIFICATE = 'C',
    PREFIX_DEVICE = 'D',
    PREFIX_EPISODE = 'E',
    PREFIX_CONFIGURATION = 'F', /* device or profile, file name -> what a device gets          */
    PREFIX_CLOUD = 'G',
    PREFIX_DEVICE_NAME = 'H', /* DNS name -> the device that has it                          */
    PREFIX_LOG_WATCH = 'J',   /* device -> what its MASA's audit log showed                  */
    PREFIX_ANCHOR_KEY = 'K',  /* digest of an IDevID anchor's key -> whose it is               */
    PREFIX_AUDIT_LINK = 'L',  /* sequence number -> link                                   */
    PREFIX_MANUFACTURER = 'M',
    PREFIX_NONCE = 'N', /* device id, digest of a nonce -> what it came in                */
    PREFIX_ORDER = 'O',
    PREFIX_PROFILE = 'P',
    PREFIX_CERTIFICATE_NAME = 'I',  /* name, NUL, certificate                                    */
    PREFIX_SHOWN_CERTIFICATE = 'Q', /* digest of a certificate that pledges were shown in TLS */
    PREFIX_ADMISSION_RULE = 'R',
    PREFIX_SETTING = 'S', /* name -> one value: generation counters, audit home            */
    PREFIX_AUTHORITY = 'U',
    PREFIX_STORED_VOUCHER = 'V', /* manufacturer, NUL, serial number                        */
    PREFIX_OWN_DOMAIN = 'W',     /* domainID -> since when it is ours                             */
    PREFIX_EXPECTED = 'X',
    PREFIX_CRL = 'Y', /* SHA-256 of a CA's key                                                 */
    PREFIX_EST_LABEL = '5',
    PREFIX_EST_SECRET = 'T', /* user name                                                      */
    PREFIX_CA = 'Z',

    PREFIX_CONFIGURATION_BY_ID = 'h',
    PREFIX_CERTIFICATE_BY_DEVICE = 'c',
    PREFIX_CERTIFICATE_BY_ORDER = 'b',
    PREFIX_CERTIFICATE_BY_SERIAL = 's', /* issuer's key, serial number                          */
    PREFIX_CERTIFICATE_BY_NUMBER = 'n', /* serial number                                        */
    PREFIX_CERTIFICATE_BY_KEY = 'k',
    PREFIX_CERTIFICATE_BY_EXPIRY = 'x',
    PREFIX_CERTIFICATE_REVOKED = 'y', /* issuer's key; only revoked and suspended ones          */
    PREFIX_DEVICE_BY_SERIAL = 'd',
    PREFIX_DEVICE_BY_ADMISSION = 'q', /* admission, manufacturer, NUL, since when              */
    PREFIX_EPISODE_BY_STAGE = 'r',
    PREFIX_EXPECTED_OPEN = '1',      /* manufacturer, NUL, serial number: places not claimed yet */
    PREFIX_EXPECTED_BY_SERIAL = '2', /* serial number, NUL: the same                           */
    PREFIX_DEVICE_BY_SUBJECT = '3',
    PREFIX_SHOWN_CERTIFICATE_BY_KEY = '4',
    PREFIX_DEVICE_NAME_BY_DEVICE = '8',
    PREFIX_EPISODE_BY_DEVICE = 'e',
    PREFIX_LOG_WATCH_BY_DUE = 'j',
    PREFIX_STORED_VOUCHER_BY_DUE = 'v',
    PREFIX_ORDER_ACTIVE = 'o',
    PREFIX_ORDER_BY_DEVICE = 'p',
    PREFIX_ORDER_BY_IDENTITY = 'i',
    PREFIX_ORDER_FINISHED = 'f',
    PREFIX_TIMELINE = 't', /* subject (16), sequence number (8) -> nothing                 */
};

#endif
