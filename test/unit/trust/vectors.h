/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/trust/vectors.h - keys and signatures

    p256_…: the key of RFC 6979, A.2.5, and its signature of "sample" with SHA-256; the negative has the other y. rsa_…: made
    with OpenSSL for this test; they sign "sample". */

#ifndef TEST_UNIT_TRUST_VECTORS_H
#define TEST_UNIT_TRUST_VECTORS_H

__attribute__ ((unused)) static const char rsa_pem[] =
    "-----BEGIN PUBLIC KEY-----\n"
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA0WEKW4ByEdq1ynDDr7ur\n"
    "U/FpAd71w5rtwngZqMhfh1bNix4iW3U0p+PytdCamUlOGu04LqXTQwxoVnGr5iUD\n"
    "/ksIBlcUoMZBDo/ufF4wV+v7qdPAt5qR7r5DDjtlHv3XjgOMH11Ax3fP+RxjdVya\n"
    "gvblF7tXWYGPqMkZRWYdWAwArF/PzIEpbEsbry2k42+eSooe18xLMd9FDMlOXUTP\n"
    "CMQJCR9GXI6vUZdbndQ5R6+UYA85HrtTjfERjAv2C6UpvVME5qPSnjk6e9EQ42cn\n"
    "h2C5BWMUcHUObQh6LPXF8sdlKrapJHqsnWOdG1cD6RXbbJWZMB0FqPkQFVPB3/YB\n"
    "iQIDAQAB\n"
    "-----END PUBLIC KEY-----\n";
__attribute__ ((unused)) static const char rsa_salt_32[] =
    "7449e9a8206896e2882c69b7447dd32660c331ce2f6516ccf61632049b0e5f3e1ce58534599745b997568e1b1bb9c99f"
    "db77c0857d13ed95aa661d56040b615fc568bbbe18b5d34e4d92454768e7fe2f00bdabb92d9929afea16de92a80b66f4"
    "fda0be423766923ba187f11c30ae6fa3db4890cd735760dc9be6bf63ce35d30ba7956ac5044c5749f55f88910fb01597"
    "231ded861bb5ad89cad89f2293dda6f1bea9c86fe3245b31a3666f1e4b314f05e0ffe8473806c0b68499e666628ddc01"
    "7b8761dfc4c68c4367c1b745fb5296cf06a86986aaceabb34eb763c4d5f4378850d4ea7a06b9fc25474adf897f7cff55"
    "866508f24e0d4093d59edf63ca511305";
__attribute__ ((unused)) static const char rsa_salt_longest[] =
    "0161135a733f6064d2e6f1952468a24a3a3a075e9ed0b5e29c5f67f7e6a76c84b674b0fe859eabf1909a4070627cc13e"
    "cda5c53fdf78e6d4308a680cb0bf99de796dfbac7d186ba317631aeb4539367d3cb2b03879cdd0cf0d33be9d530d851e"
    "e544f18003daa70578afed95c07b9793e7311e0238c294aa5c051696db31b985e058ca40d468f937afb8badd72aada2c"
    "b29c3031d2672b43c4f466562af94de20e96aaf10adb226feea45c7490c72c38eb7ddb4c4f764d991e1787a5db0c6ac2"
    "ca2b57a3f49aec016216af402829abb00d50e397bec64e512c3e3984dbe1b380bd173a94fe824b3e70d7c1f303564b7f"
    "0424e911496dae1056b8f31946651223";
__attribute__ ((unused)) static const char rsa_salt_20[] =
    "5766d0571621fa5498c3446439376685be13f70ebe20c35a05d417390afb41bfb9a847057217289ae422f205c6c40074"
    "9fd904c4ec85380fcfa8af29ca89acda9aec4e511d3c61bf10322e796eba41bf204a2f2ad3c188db811abffc436c3876"
    "2ac79db5f05f2b337f74093ce0d8e3e6ff9cd0d4839f550357e2da8225dd6fc91b66eabe1122fcde69c5d8f3662e3548"
    "baac265df60617f010360a90b7151ce8586b549dda1961a85f7ce34244563a8f040042750c0c9f73706e57cb07fcc152"
    "83b838420f1eed6632a995d5393b0ea4e37f36e39574ae69fc4abd0c6a82649c2b078c88f7a57c9ab71583c3ed45e95c"
    "a9053a98c461f3863bf63f01ae962f1a";
__attribute__ ((unused)) static const char rsa_pkcs1[] =
    "70bc12953ac1fe3e30a093eca355309879bfe4db8c0c8a7c02eb97484de8558942ae03ad58aa929d593f87027c41c86f"
    "c0589b78ee153a70cd4217f7bde2a078638804954deb6f9bc8c481c2a388a3292819eac949f532db8db3c2062b2ed284"
    "d8af8706add19767a3d7adbdeffd162a6f79f130ee749ee7b022f8308a185a01a42756f159aa471e8a704005ac040a6c"
    "0ae77a20d2b1da34cd4b3aa681193fdce07f875f7a5bcc4ab98a8b635529df8c4d945aff485772e28887f4a733977c4a"
    "f858e9ec4d26cf263d36ffec0b1135a999ca82832aac062c2effec144d858944162f4db8c0cefb630471bf85a3acf4b7"
    "a8219566e7fbcf8e0f8f3f0cced61aa8";
__attribute__ ((unused)) static const char rsa_2040_pem[] =
    "-----BEGIN PUBLIC KEY-----\n"
    "MIIBITANBgkqhkiG9w0BAQEFAAOCAQ4AMIIBCQKCAQAAuptz2wlEg+6wIuhAH7UE\n"
    "p8Zhs6Lo+YhF655IXMV2F/fB9N8rKj3W01Nmffd0oGZVCR7oRHOw2Php/k0PrXTL\n"
    "45p0Gp7Tw/eXO6iGn9PeKnnkNpIYKnRThdHbYYXgbWCF0o5hquOabTbwoPxyBjm9\n"
    "0FqO3szbFpPv5LVIuqanecHfjI4TrIZeFshu4FDbujKhsLLhPmWIBWcpFqUYDBiR\n"
    "OMTqfaNZ4Sr1reYxbGpJAu9JRo2hvIC2NSa9NsDFhDE46svb6Z5GFptyQngV+P3G\n"
    "Sywm2QKDRoMZ4VY/nS0EDhLS2wOZrp9RKyLemIiHC0LwoJkEPUNpDtnmIsf897rp\n"
    "AgMBAAE=\n"
    "-----END PUBLIC KEY-----\n";
__attribute__ ((unused)) static const char rsa_e3_pem[] =
    "-----BEGIN PUBLIC KEY-----\n"
    "MIIBIDANBgkqhkiG9w0BAQEFAAOCAQ0AMIIBCAKCAQEAxFHCTvJxKRYlVA9GtAAR\n"
    "MLTG2qnmbD547rWYjMu/F7QFWn4WxUt9+iR+I2drZxWrEe3thCg6tQqGIbAgYXxV\n"
    "k9n2FCQH+g4+wdG+oRUj3vAZBpOeney42D/vOv/f5yUZ/ciiqd+JwuwweghKIUH9\n"
    "wERTTkbaS6cnXgSQpiSb54unzn1HjH2h58+zyym3q6+GgqIx8JHES7xLM5HyVT7u\n"
    "VQLKDmVzjjJnDayJw+qf6sIvb2NebnWM5AH26oDFrHahsGV133RCytN2Y1uGBanY\n"
    "eN5nO34QpewY71fs0I708saWr5derbB2mMnd9oFyWxrHI8hWdG3UZ2YutFsqGrYr\n"
    "/QIBAw==\n"
    "-----END PUBLIC KEY-----\n";
__attribute__ ((unused)) static const char p256_pem[] =
    "-----BEGIN PUBLIC KEY-----\n"
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEYP7UuiVanTHJYet0xjVtaMBJuJI7\n"
    "Yfps5mliLmDyn7Z5A/4QCLi8maQa6elWKLxk8vGyDC1+n1F3o8KU1EYimQ==\n"
    "-----END PUBLIC KEY-----\n";
__attribute__ ((unused)) static const char p256_negative_pem[] =
    "-----BEGIN PUBLIC KEY-----\n"
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEYP7UuiVanTHJYet0xjVtaMBJuJI7\n"
    "Yfps5mliLmDyn7aG/AHu90dDZ1vlFhap10ObDQ5N9NKBYK6IXD1rK7ndZg==\n"
    "-----END PUBLIC KEY-----\n";
__attribute__ ((unused)) static const char p384_pem[] =
    "-----BEGIN PUBLIC KEY-----\n"
    "MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEQyBHa2+HTnl1SAsAJlqophsooIIK3fiJ\n"
    "N3Dpc3LGMSHQeOcSw9xt3wrazZGH581Oi+g5g0IUuI/MIn0+w0+0iAWHMn8Y9505\n"
    "ZfH9jvRNEe7EkYfRHKfX6iMgiJNMVpfl\n"
    "-----END PUBLIC KEY-----\n";
__attribute__ ((unused)) static const char p256_signature[] =
    "3046022100efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716022100f7cb1c942d657c41"
    "d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8";

__attribute__ ((unused)) static const char rsa_2047_pem[] =
    "-----BEGIN PUBLIC KEY-----\n"
    "MIIBITANBgkqhkiG9w0BAQEFAAOCAQ4AMIIBCQKCAQBh0ArnIhlNEsHc0q/DkeM6\n"
    "fyZigUPorb0hkUNEpHrUb3ziNcjrIh2i8ErB6x69l7cWrK/2uVwEAspRSOEy/dnk\n"
    "Hk6otqOlnKBvw6fWN93Zj7VzzT6MLdWzDIl2N4TtiPYg1qqCMDidn5VX647zWN57\n"
    "gyiBaCP1KhKhrRRg/ioTrAo9LRG5z4TcrQSVScHVH4Mh4qg2J9q/o7l/npC5BGNO\n"
    "TIi7ezjhWx+5dEz+0bv1UGUpJ+CHwYMWGG21LgQiGJi7R7zUb5oN7n3wzPOD94Hd\n"
    "VhhY1BO5rqzZWaY9jcmOpos5Ea/zgXYwBfZjoj8WDiNUmi3SPI6QAQ0xfD9epvst\n"
    "AgMBAAE=\n"
    "-----END PUBLIC KEY-----\n";

#endif
